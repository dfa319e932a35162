"""The topology of docker-compose.yml without Docker: engines and roles as processes of this machine."""
