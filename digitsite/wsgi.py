import os

from django.core.wsgi import get_wsgi_application

from .limits import with_known_encodings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
application = with_known_encodings(get_wsgi_application())
