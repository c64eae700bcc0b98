import os

from django.core.wsgi import get_wsgi_application

from core.memory import give_back_large_blocks

from .encodings import with_known_encodings

give_back_large_blocks()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
application = with_known_encodings(get_wsgi_application())
