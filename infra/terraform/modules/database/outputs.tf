output "url" {
  description = "UPLOADS_DATABASE_URL without user and password, which come as PGUSER and PGPASSWORD."
  value       = "postgresql+psycopg://${aws_db_instance.this.endpoint}/${local.database}"
}

output "secret_arn" {
  description = "The secret that RDS keeps, with `username` and `password`."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}

output "identifier" {
  description = "The instance's name, for alarms."
  value       = aws_db_instance.this.identifier
}
