output "target_group_arns" {
  description = "Where web processes are registered."
  value       = [for group in aws_lb_target_group.this : group.arn]

  # A service can be attached only to a group that some listener uses.
  depends_on = [aws_lb_listener_rule.host]
}

output "request_label" {
  description = "The load balancer and target group whose requests are counted for autoscaling."
  value       = "${aws_lb.this["app"].arn_suffix}/${aws_lb_target_group.this["app"].arn_suffix}"
}

output "balancers" {
  description = "Load balancer and target group of each host, as CloudWatch names them."
  value = {
    for host in keys(local.balancers) : host => {
      balancer = aws_lb.this[host].arn_suffix
      targets  = aws_lb_target_group.this[host].arn_suffix
    }
  }
}
