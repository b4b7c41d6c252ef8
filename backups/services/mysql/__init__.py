"""Backs up MySQL: a full by CLONE, incrementals from the binary log, a witness under a short lock; or all of it by a dump."""
