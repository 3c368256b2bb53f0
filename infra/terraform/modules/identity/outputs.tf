output "task_role_arns" {
  description = "The role of each process."
  value       = { for process, role in aws_iam_role.task : process => role.arn }
}

output "start_role_arns" {
  description = "The role that ECS starts each process with."
  value       = { for process, role in aws_iam_role.start : process => role.arn }
}

output "task_policies" {
  description = "The policy of each process that has one, as it is rendered."
  value       = { for process, policy in aws_iam_role_policy.task : process => policy.policy }
}

output "start_policies" {
  description = "What ECS may do to start each process, as it is rendered."
  value       = { for process, policy in aws_iam_role_policy.start : process => policy.policy }
}

output "readers" {
  description = "Roles that read, by bucket."
  value = {
    for bucket in keys(local.bucket_arn) : bucket => [
      for process, buckets in local.access : aws_iam_role.task[process].arn
      if contains(lookup(buckets, bucket, []), "get")
    ]
  }
}

output "writers" {
  description = "Roles that put or delete, by bucket."
  value = {
    for bucket in keys(local.bucket_arn) : bucket => [
      for process, buckets in local.access : aws_iam_role.task[process].arn
      if length(setintersection(lookup(buckets, bucket, []), ["put", "delete"])) > 0
    ]
  }
}
