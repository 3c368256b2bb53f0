# What tells that something is wrong, by what AWS itself measures; and the trail of who touched what.

locals {
  # Above or below a value in 3 of 5 minutes, or in as many as `minutes` says. What is not measured is
  # well, but where it says that nobody is there.
  alarms = merge(
    {
      for host, names in var.balancers : "${host}-5xx" => {
        namespace  = "AWS/ApplicationELB", metric = "HTTPCode_Target_5XX_Count", statistic = "Sum", above = 10
        dimensions = { LoadBalancer = names.balancer, TargetGroup = names.targets }
      }
    },
    {
      for host, names in var.balancers : "${host}-unhealthy" => {
        namespace  = "AWS/ApplicationELB", metric = "UnHealthyHostCount", statistic = "Maximum", above = 0
        dimensions = { LoadBalancer = names.balancer, TargetGroup = names.targets }
      }
    },
    {
      for service in var.services : "${service}-memory" => {
        namespace  = "AWS/ECS", metric = "MemoryUtilization", statistic = "Maximum", above = 90
        dimensions = { ClusterName = var.cluster, ServiceName = service }
      }
    },
    {
      # Nothing is inspected, or nobody is served.
      for service in var.services : "${service}-gone" => {
        namespace  = "ECS/ContainerInsights", metric = "RunningTaskCount", statistic = "Minimum", below = 1, minutes = 5, missing = "breaching"
        dimensions = { ClusterName = var.cluster, ServiceName = service }
      }
    },
    {
      for node in var.cache_members : "${node}-memory" => {
        namespace  = "AWS/ElastiCache", metric = "DatabaseMemoryUsagePercentage", statistic = "Maximum", above = 75
        dimensions = { CacheClusterId = node }
      }
    },
    {
      # As old as what /readyz calls degraded.
      backlog = {
        namespace  = var.waited.namespace, metric = var.waited.names["inspect"], statistic = "Maximum", above = 900
        dimensions = {}
      }
      database-cpu = {
        namespace  = "AWS/RDS", metric = "CPUUtilization", statistic = "Average", above = 85
        dimensions = { DBInstanceIdentifier = var.database }
      }
      database-disk = {
        namespace  = "AWS/RDS", metric = "FreeStorageSpace", statistic = "Minimum", below = 5 * pow(1024, 3), missing = "breaching"
        dimensions = { DBInstanceIdentifier = var.database }
      }
    },
  )
}

resource "aws_sns_topic" "alarms" {
  name              = "${var.name}-alarms"
  kms_master_key_id = var.parts_key_arn
}

resource "aws_sns_topic_subscription" "alarms" {
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_address
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name          = "${var.name}-${each.key}"
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = can(each.value.below) ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = try(each.value.below, each.value.above)
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = try(each.value.minutes, 3)
  treat_missing_data  = try(each.value.missing, "notBreaching")
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({
    widgets = [
      for index, widget in [
        { title = "Requests", stat = "Sum", metrics = [for host, names in var.balancers : ["AWS/ApplicationELB", "RequestCount", "LoadBalancer", names.balancer]] },
        { title = "Answers of 5xx", stat = "Sum", metrics = [for host, names in var.balancers : ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "LoadBalancer", names.balancer]] },
        { title = "Seconds to answer", stat = "p95", metrics = [for host, names in var.balancers : ["AWS/ApplicationELB", "TargetResponseTime", "LoadBalancer", names.balancer]] },
        { title = "Running tasks", stat = "Minimum", metrics = [for service in var.services : ["ECS/ContainerInsights", "RunningTaskCount", "ClusterName", var.cluster, "ServiceName", service]] },
        { title = "Processor, percent", stat = "Average", metrics = [for service in var.services : ["AWS/ECS", "CPUUtilization", "ClusterName", var.cluster, "ServiceName", service]] },
        { title = "Memory, percent", stat = "Maximum", metrics = [for service in var.services : ["AWS/ECS", "MemoryUtilization", "ClusterName", var.cluster, "ServiceName", service]] },
        { title = "Oldest job that waits for a worker, seconds", stat = "Maximum", metrics = [for name in values(var.waited.names) : [var.waited.namespace, name]] },
        { title = "Database: processor, percent", stat = "Average", metrics = [["AWS/RDS", "CPUUtilization", "DBInstanceIdentifier", var.database]] },
        { title = "Redis: memory, percent", stat = "Maximum", metrics = [for node in var.cache_members : ["AWS/ElastiCache", "DatabaseMemoryUsagePercentage", "CacheClusterId", node]] },
        ] : {
        type       = "metric", x = (index % 3) * 8, y = floor(index / 3) * 6, width = 8, height = 6
        properties = { title = widget.title, stat = widget.stat, metrics = widget.metrics, region = var.region, period = 60 }
      }
    ]
  })
}

resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_67:one region is all there is of this
  #checkov:skip=CKV_AWS_252:told by alarms; the trail is for those who ask later
  #checkov:skip=CKV2_AWS_10:kept where nobody can delete it; a second copy in CloudWatch would be readable by more
  name                       = var.name
  s3_bucket_name             = var.audit_bucket
  kms_key_id                 = var.audit_key_arn
  enable_log_file_validation = true

  advanced_event_selector {
    name = "Every use of an object"

    field_selector {
      field  = "eventCategory"
      equals = ["Data"]
    }

    field_selector {
      field  = "resources.type"
      equals = ["AWS::S3::Object"]
    }

    field_selector {
      field       = "resources.ARN"
      starts_with = [for arn in var.file_bucket_arns : "${arn}/"]
    }
  }

  advanced_event_selector {
    name = "What is changed in the account"

    field_selector {
      field  = "eventCategory"
      equals = ["Management"]
    }

    field_selector {
      field  = "readOnly"
      equals = ["false"]
    }
  }
}
