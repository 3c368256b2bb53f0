output "arn" {
  description = "The secret."
  value       = aws_secretsmanager_secret.this.arn
}

output "version_id" {
  description = "Its present version."
  value       = aws_secretsmanager_secret_version.this.version_id
}
