"""A person enters: the desk, and the pages behind the links of a mail."""
