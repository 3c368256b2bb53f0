output "urls" {
  description = "Where to push each kind of image."
  value       = { for kind, repository in aws_ecr_repository.this : kind => repository.repository_url }
}

output "arns" {
  description = "The repositories."
  value       = [for repository in aws_ecr_repository.this : repository.arn]
}
