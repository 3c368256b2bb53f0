output "arns" {
  description = "ARN of each key: files, audit, parts."
  value       = { for name, key in aws_kms_key.this : name => key.arn }
}

output "policies" {
  description = "The policy of each key, as it is rendered."
  value       = { for name, key in aws_kms_key.this : name => key.policy }
}

output "secret_keys" {
  description = "ARN of the secret in each slot of the secret key."
  value       = { for slot, secret in module.secret_key : slot => secret.arn }
}

output "first_administrator" {
  description = "ARN of the secret with the first administrator's password."
  value       = module.first_administrator.arn
}
