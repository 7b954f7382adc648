"""The one exception type for everything a user can get wrong."""


class SeemVideoError(Exception):
    """A sentence for the user: what is wrong, where, and how to mend it.

    The command line prints the sentence and exits with code 2; nothing else in the package prints tracebacks at people.
    """
