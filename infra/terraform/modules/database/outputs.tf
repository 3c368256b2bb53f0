output "url" {
  description = "UPLOADS_DATABASE_URL: user and password are in the secret that it names, and are read there."
  value       = "postgresql+psycopg://${aws_db_instance.this.endpoint}/${local.database}?password_secret=${aws_db_instance.this.master_user_secret[0].secret_arn}"
}

output "secret_arn" {
  description = "The secret that RDS keeps, with `username` and `password`."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "identifier" {
  description = "The instance's name, for alarms."
  value       = aws_db_instance.this.identifier
}
