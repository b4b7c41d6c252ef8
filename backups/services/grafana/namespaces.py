"""Names the namespace in which unified storage (12 and newer) keeps an organisation's objects."""


def organisation_of(namespace: str | None) -> int:
    """The organisation whose objects a namespace of unified storage holds; 0 for the whole server's."""
    if namespace == "default":
        return 1
    number = (namespace or "").removeprefix("org-")
    return int(number) if number.isdigit() else 0


def namespace_of(organisation: int) -> str:
    """The namespace that holds an organisation's objects."""
    return "default" if organisation == 1 else f"org-{organisation}"
