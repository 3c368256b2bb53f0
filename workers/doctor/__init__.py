"""`uploads doctor`: tries every part as the service will use it, and says what each can do."""
