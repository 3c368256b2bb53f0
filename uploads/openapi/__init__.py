"""The OpenAPI document: made of what the views say of themselves, of the models and the errors.

Nothing in here takes part in a request: a description is data that lies beside a view, and the
document is put together when it is first asked for. Knows neither of the doors.
"""
