"""``python -m safecase_verify PACK``."""

from safecase_verify.command import run

if __name__ == "__main__":
    run()
