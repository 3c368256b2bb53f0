output "names" {
  description = "Name of each bucket."
  value       = { for bucket, made in aws_s3_bucket.this : bucket => made.id }
}

output "arns" {
  description = "ARN of each bucket."
  value       = local.arns
}

output "policies" {
  description = "The policy of each bucket, as it is rendered."
  value       = { for bucket, policy in aws_s3_bucket_policy.this : bucket => policy.policy }
}
