# How many there are: web by requests, workers by processor time. The age of the oldest job would say
# more of workers; the service does not publish it yet.

locals {
  scaled = { for process, count in var.counts : process => count if count.most > count.least }
}

resource "aws_appautoscaling_target" "this" {
  for_each = local.scaled

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this[each.key].name}"
  min_capacity       = each.value.least
  max_capacity       = each.value.most
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.scaled

  name               = each.key
  policy_type        = "TargetTrackingScaling"
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id

  target_tracking_scaling_policy_configuration {
    target_value       = each.key == "web" ? var.requests_per_target : 60
    scale_out_cooldown = 60
    scale_in_cooldown  = 600

    predefined_metric_specification {
      predefined_metric_type = each.key == "web" ? "ALBRequestCountPerTarget" : "ECSServiceAverageCPUUtilization"
      resource_label         = each.key == "web" ? var.request_label : null
    }
  }
}
