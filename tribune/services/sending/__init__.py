"""From a chunk of deliveries to mails that left."""
