# How many there are: web by requests, clamd by processor time, workers by how long the oldest job has
# waited for one. The schedule tells that each minute as a line of its log (workers/telling.py).

locals {
  scaled  = { for process, count in local.running : process => count if count.most > count.least }
  tracked = { for process, count in local.scaled : process => count if process != "worker" }
  workers = { for process, count in local.scaled : process => count if process == "worker" }

  # Seconds that the oldest file waits before there are half as many workers more, or twice as many.
  waited_long      = 60
  waited_very_long = 300
}

resource "aws_appautoscaling_target" "this" {
  for_each = local.scaled

  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${aws_ecs_cluster.this.name}/${aws_ecs_service.this[each.key].name}"
  min_capacity       = each.value.least
  max_capacity       = each.value.most
}

resource "aws_appautoscaling_policy" "tracked" {
  for_each = local.tracked

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

resource "aws_cloudwatch_log_metric_filter" "waited" {
  for_each = toset(["inspect", "release", "render", "rescan"])

  name           = "${var.name}-${each.key}-waited"
  log_group_name = aws_cloudwatch_log_group.this["schedule"].name
  pattern        = "{ $.event = \"backlog\" }"

  metric_transformation {
    namespace = var.name
    name      = "${each.key}-waited-seconds"
    value     = "$.${each.key}_seconds"
    unit      = "Seconds"
  }
}

resource "aws_appautoscaling_policy" "more_workers" {
  for_each = local.workers

  name               = "${each.key}-more"
  policy_type        = "StepScaling"
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id

  step_scaling_policy_configuration {
    adjustment_type          = "PercentChangeInCapacity"
    min_adjustment_magnitude = 1
    metric_aggregation_type  = "Maximum"
    cooldown                 = 120

    step_adjustment {
      metric_interval_lower_bound = 0
      metric_interval_upper_bound = local.waited_very_long - local.waited_long
      scaling_adjustment          = 50
    }

    step_adjustment {
      metric_interval_lower_bound = local.waited_very_long - local.waited_long
      scaling_adjustment          = 100
    }
  }
}

resource "aws_appautoscaling_policy" "fewer_workers" {
  for_each = local.workers

  name               = "${each.key}-fewer"
  policy_type        = "StepScaling"
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id

  step_scaling_policy_configuration {
    adjustment_type = "ChangeInCapacity"
    cooldown        = 300

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = -1
    }
  }
}

# Of what is not told, nothing is made: neither more workers nor fewer.
resource "aws_cloudwatch_metric_alarm" "waited" {
  for_each = local.workers

  #checkov:skip=CKV_AWS_319:its action is a change of number; people are told by the observability module
  alarm_name          = "${var.name}-more-workers"
  namespace           = var.name
  metric_name         = aws_cloudwatch_log_metric_filter.waited["inspect"].metric_transformation[0].name
  statistic           = "Maximum"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = local.waited_long
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.more_workers[each.key].arn]
}

resource "aws_cloudwatch_metric_alarm" "idle" {
  for_each = local.workers

  alarm_name          = "${var.name}-fewer-workers"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = 15
  datapoints_to_alarm = 15
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.fewer_workers[each.key].arn]

  metric_query {
    id          = "idle"
    label       = "Nothing waits, and workers have little to do"
    expression  = "IF(waited < 5 AND busy < 40, 1, 0)"
    return_data = true
  }

  metric_query {
    id = "waited"

    metric {
      namespace   = var.name
      metric_name = aws_cloudwatch_log_metric_filter.waited["inspect"].metric_transformation[0].name
      stat        = "Maximum"
      period      = 60
    }
  }

  metric_query {
    id = "busy"

    metric {
      namespace   = "AWS/ECS"
      metric_name = "CPUUtilization"
      dimensions  = { ClusterName = aws_ecs_cluster.this.name, ServiceName = aws_ecs_service.this[each.key].name }
      stat        = "Average"
      period      = 60
    }
  }
}
