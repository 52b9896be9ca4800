"""What gunicorn serves: Label Studio with our settings.

Its own package folder goes on the path here and not through PYTHONPATH: it holds a
`sitecustomize.py`, which every Python that starts would run.
"""

import os
import sys

import label_studio

sys.path.insert(0, os.path.dirname(label_studio.__file__))

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
