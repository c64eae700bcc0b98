#!/usr/bin/env python
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "digitsite.settings")
    # Other users of the machine may read static files, and nothing else of what is written.
    os.umask(0o022 if sys.argv[1:2] == ["collectstatic"] else 0o077)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
