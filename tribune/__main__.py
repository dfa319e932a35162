"""`python -m tribune` is the same as `tribune`."""

from tribune.cli import main

if __name__ == "__main__":
    main()
