"""Entry point of `python -m models.engine`: imports TensorFlow quietly, then serves.

TensorFlow writes notes about CPU features and missing GPUs to standard error before any setting can stop it. They are
captured, and shown only when the import fails. Garbage is not collected until the engine has warmed up: it would be
looked for six times among the million objects that stay, for 0.9 s of a start.
"""

import gc
import os
import sys
import tempfile

gc.disable()
with tempfile.TemporaryFile() as notes:
    visible = os.dup(2)
    os.dup2(notes.fileno(), 2)
    try:
        from models.engine.start import main
    except BaseException:
        notes.seek(0)
        os.write(visible, notes.read())
        raise
    finally:
        os.dup2(visible, 2)
        os.close(visible)

main(sys.argv[1:])
