output "address" {
  description = "Host and port of the primary."
  value       = "${aws_elasticache_replication_group.this.primary_endpoint_address}:6379"
}

output "user" {
  description = "The service's user."
  value       = local.user
}

output "secret_arn" {
  description = "The secret with its password."
  value       = module.password.arn
}

output "members" {
  description = "Names of the nodes, for alarms."
  value       = [for number in range(var.nodes) : format("%s-%03d", var.name, number + 1)]
}
