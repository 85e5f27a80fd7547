"""Where the bundled program starts: what the `archivist` script does in an installation."""

import sys

from archivist_app.__main__ import main

sys.exit(main())
