import os

from django.core.wsgi import get_wsgi_application

from core.memory import configure_malloc

from .encodings import with_known_encodings

configure_malloc()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
application = with_known_encodings(get_wsgi_application())
