"""`python -m edgewise.cli`: the same program, for those that start it themselves."""

from .main import main

if __name__ == "__main__":
    main()
