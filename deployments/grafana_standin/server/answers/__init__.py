"""What each route answers, by subject.

An answer takes a Request and gives what becomes the JSON, or raises RefusedError.
"""
