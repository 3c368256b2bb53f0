output "cluster" {
  description = "The cluster."
  value       = aws_ecs_cluster.this.name
}

output "bootstrap_command" {
  description = "Runs the one-off task: the schema brought up to date, and the first administrator."
  value = join(" ", [
    "aws ecs run-task --region ${var.region} --cluster ${aws_ecs_cluster.this.name}",
    "--task-definition ${aws_ecs_task_definition.this["bootstrap"].family}",
    local.fargate ? "--launch-type FARGATE" : "--capacity-provider-strategy capacityProvider=${var.name}",
    "--network-configuration 'awsvpcConfiguration={subnets=[${join(",", var.subnet_ids)}],securityGroups=[${var.group_ids["bootstrap"]}]}'",
  ])
}

output "definitions" {
  description = "The containers of each task."
  value       = merge(local.definitions, { clamd = local.clamd_definition })
}

output "log_groups" {
  description = "The log of each process."
  value       = { for process, group in aws_cloudwatch_log_group.this : process => group.name }
}
