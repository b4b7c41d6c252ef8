# For the scripts here, which source it: one program out of Debian's unstable suite, without anything else of that suite.

# from_unstable PACKAGE FOLDER: unpack it into FOLDER/out. Silent; it fails where this machine's mirror has none, or cannot be asked.
from_unstable() {
  local package=$1 folder=$2 mirror
  # The machine's own mirror, whatever it is: the site that serves its main archive.
  mirror=$(apt-get indextargets --format '$(SITE) $(LABEL) $(ORIGIN)' 'Created-By: Packages' 2>/dev/null | awk '$3 == "Debian" && $2 == "Debian" {print $1; exit}')
  [ -n "$mirror" ] && [ -r /usr/share/keyrings/debian-archive-keyring.gpg ] || return 1
  mkdir -p "$folder"/{lists,cache/archives}/partial
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror sid main" >"$folder/list"
  local apt=(apt-get -qq -o Dir::Etc::SourceList="$folder/list" -o Dir::Etc::SourceParts=- -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache"
    -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o Acquire::Retries=1)
  [ "$(id -u)" != 0 ] || apt+=(-o APT::Sandbox::User=root)
  (cd "$folder" && "${apt[@]}" update && "${apt[@]}" download "$package" && dpkg-deb -x "$package"_*.deb out) >/dev/null 2>&1
}
