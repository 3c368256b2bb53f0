output "cluster" {
  description = "The cluster."
  value       = aws_ecs_cluster.this.name
}

output "one_off" {
  description = "For ./run-task: a word and its value a line. A task's line has its definition, its container and its group."
  value = join("\n", [
    "region ${var.region}",
    "cluster ${aws_ecs_cluster.this.name}",
    "subnets ${join(",", var.subnet_ids)}",
    local.fargate ? "launch FARGATE" : "provider ${aws_ecs_capacity_provider.ec2[0].name}",
    # The first administrator and the schema; the doctor looks with a worker's eyes, cell and all.
    "bootstrap ${aws_ecs_task_definition.this["bootstrap"].family} bootstrap ${var.group_ids["bootstrap"]}",
    "migrate ${aws_ecs_task_definition.this["bootstrap"].family} bootstrap ${var.group_ids["bootstrap"]}",
    "doctor ${aws_ecs_task_definition.this["worker"].family} worker ${var.group_ids["worker"]}",
    "logs /${var.name}",
  ])
}

output "waited" {
  description = "The metrics of how long the oldest job of each kind has waited for a worker, in seconds."
  value = {
    namespace = var.name
    names     = { for kind, filter in aws_cloudwatch_log_metric_filter.waited : kind => filter.metric_transformation[0].name }
  }
}

output "definitions" {
  description = "The containers of each task."
  value       = merge(local.definitions, { clamd = local.clamd_definition })
}

output "log_groups" {
  description = "The log of each process."
  value       = { for process, group in aws_cloudwatch_log_group.this : process => group.name }
}
