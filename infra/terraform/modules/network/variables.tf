variable "name" {
  description = "Begins the names of everything."
  type        = string
}

variable "partition" {
  description = "The partition in ARNs: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "region" {
  description = "The region."
  type        = string
}

variable "cidr" {
  description = "Addresses of the network, /16 to /20."
  type        = string

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20
    error_message = "cidr must be a network of /16 to /20."
  }
}

variable "zones" {
  description = "Availability zones, two to four."
  type        = list(string)

  validation {
    condition     = length(var.zones) >= 2 && length(var.zones) <= 4 && length(distinct(var.zones)) == length(var.zones)
    error_message = "Two to four different zones: the database and the load balancer need two."
  }
}

variable "nat_per_zone" {
  description = "A NAT gateway in each zone; one for all costs less, and ends with its zone."
  type        = bool
}

variable "bucket_prefix" {
  description = "Put before the bucket names."
  type        = string
}

variable "webhook_ports" {
  description = "Ports that webhooks may use (UPLOADS_WEBHOOK_PORTS)."
  type        = list(number)
  default     = [443, 8443]
}

variable "cloudfront_prefix_list_id" {
  description = "The addresses from which CloudFront comes."
  type        = string
}

variable "key_arn" {
  description = "The key that encrypts logs."
  type        = string
}
