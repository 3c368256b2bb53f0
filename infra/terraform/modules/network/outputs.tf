output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "For the public load balancer."
  value       = [for subnet in aws_subnet.public : subnet.id]
}

output "private_subnet_ids" {
  description = "For the processes."
  value       = [for subnet in aws_subnet.private : subnet.id]
}

output "data_subnet_ids" {
  description = "For the database and the cache."
  value       = [for subnet in aws_subnet.data : subnet.id]
}

output "group_ids" {
  description = "The security group of each part."
  value       = { for name, group in aws_security_group.this : name => group.id }
}

output "s3_endpoint_id" {
  description = "The way to the store."
  value       = aws_vpc_endpoint.s3.id
}

output "ways" {
  description = "Who may open a connection to whom: from, to, port."
  value       = local.ways
}
