"""MySQL: a full by CLONE, incrementals from the binary log, a witness under a short lock, copies by relay-log replay."""
