"""`python -m uploads_client` is the command."""

import sys

from uploads_client.command import main

sys.exit(main())
