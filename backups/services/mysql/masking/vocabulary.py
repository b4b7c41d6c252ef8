"""Recognises names of columns that hold what is personal, in several languages.

Pure.
"""

import re
from collections.abc import Mapping

from backups.services.masked import Kind

_WORDS: Mapping[tuple[str, Kind], str] = {
    ("a name", "name"): """
        name names forename firstname lastname surname fullname middlename maiden nickname nick vorname nachname zuname
        rufname familienname prenom nombre apellido apellidos cognome nom imie nazwisko naam voornaam achternaam
        tussenvoegsel namn fornamn efternamn navn nimi etunimi sukunimi jmeno prijmeni nome sobrenome contact kontakt
        ansprechpartner person author autor recipient empfaenger sender customer kunde signature""",
    (
        "a user's name",
        "hash",
    ): "user username login account benutzer benutzername utilisateur usuario gebruiker handle screenname",
    ("an e-mail address", "email"): "email mail emails mailto epost courriel correo courrier",
    ("a telephone number", "phone"): """
        phone phones telephone tel telefon telefono telefone telefoon telephon mobile mobil mobiltelefon handy cell
        cellphone fax msisdn gsm portable puhelin""",
    ("an address", "text"): """
        address addresses addr adresse adressen anschrift direccion indirizzo endereco adres street strasse str rue calle
        via ulica straat city town ort stadt ville ciudad citta cidade plaats miasto zip zipcode plz postcode postal
        postleitzahl cep region house hausnummer apartment county""",
    ("a position on Earth", "hash"): "lat latitude lon lng longitude geo gps location coordinates position home",
    ("a birth, or what is said of a body", "hash"): """
        birth born birthday birthdate dob bday geburt geburtstag geburtsdatum geboren naissance nacimiento nascita geboorte
        gender sex geschlecht sexe sexo religion nationality nationalitaet staatsangehoerigkeit race ethnicity age alter
        marital blood diagnosis diagnose disease health allergy""",
    ("a bank account or a card", "hash"): """
        iban bic swift konto kontonummer bank card cardnumber creditcard pan cvv cvc ccnumber kreditkarte routing""",
    ("a number that stands for a person", "hash"): """
        ssn passport reisepass ausweis personalausweis nino nif nie dni pesel bsn cpf cnpj siret tax taxid steuer
        steuernummer steuerid vat ustid vatid insurance versicherung sozialversicherung svnr license licence fuehrerschein
        driver plate kennzeichen patient""",
    ("a device or a connection", "hash"): """
        ip ipv4 ipv6 ipaddr ipaddress remoteaddr mac macaddress imei imsi udid device deviceid useragent agent fingerprint
        hostname referer referrer""",
    ("a secret", "hash"): """
        password passwd pwd pass passwort kennwort motdepasse contrasena secret token apikey api salt pin otp totp cookie
        session sessionid credential credentials privatekey hash digest""",
    ("free text", "text"): """
        note notes notiz notizen bemerkung anmerkung comment comments kommentar commentaire remark remarks message nachricht
        body subject betreff feedback review bio biography about description beschreibung reason grund memo text freitext""",
}
REFERRED = ("a name", "a user's name")
"""What a whole number cannot be, but refer to."""
_KINDS = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_INSIDE = {
    inside: _KINDS[word]
    for word, insides in {
        "name": "vorname nachname familienname firstname lastname surname fullname",
        "email": "email",
        "phone": "phone telefon",
        "address": "address adresse anschrift strasse street postleitzahl zipcode",
        "birth": "birth geburt",
        "iban": "iban kreditkart creditcard",
        "password": "passw kennwort apikey",
        "token": "token secret",
        "ip": "ipaddr",
        "login": "username benutzer",
    }.items()
    for inside in insides.split()
}
"""Parts of words that are written together: kundentelefon, emailadresse."""
_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e", "ó": "o", "í": "i", "ñ": "n", "á": "a"})


def meaning(name: str) -> tuple[str, Kind] | None:
    """Return what the name of a column says that is in it, and the kind that suits; None where it says nothing personal."""
    plain = "".join(part.translate(_UMLAUTS) for part in name)
    words = [word.lower() for word in _SPLIT.findall(plain.translate(_UMLAUTS))]
    # The last word says most: user_email, customer_birthday.
    joined = ["".join(words[at : at + 2]) for at in range(len(words) - 1)]
    for word in (*reversed(joined), *reversed(words)):
        if word in _KINDS:
            return _KINDS[word]
    together = "".join(words)
    for part, found in _INSIDE.items():
        if part in together:
            return found
    return _KINDS["name"] if together.endswith("name") else None
