"""E-mail: a message is a folder of templates; a digest's mail is the joining of bytes that were rendered before."""
