"""How Label Studio shows our own server that it is the campaign's: a header, or a user name.

The secret itself is PIXMO_STUDIO_EVENTS (`annotation.credentials`).
"""

USER = "pixmo"  # of basic authentication
SECRET_HEADER = "X-Pixmo-Secret"
