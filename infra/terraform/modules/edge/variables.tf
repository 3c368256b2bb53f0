variable "name" {
  description = "Begins the names of everything."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "public_subnet_ids" {
  description = "For the public load balancer."
  type        = list(string)
}

variable "private_subnet_ids" {
  description = "For the one behind CloudFront."
  type        = list(string)
}

variable "group_ids" {
  description = "The security group of each part."
  type        = map(string)
}

variable "app_host" {
  description = "The app's host."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]{2,}$", var.app_host))
    error_message = "app_host is a name in small letters, without https:// and without a port."
  }
}

variable "content_host" {
  description = "The host of what users uploaded."
  type        = string

  validation {
    condition     = can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]{2,}$", var.content_host))
    error_message = "content_host is a name in small letters, without https:// and without a port."
  }
}

variable "app_zone_id" {
  description = "The DNS zone of the app's host."
  type        = string
}

variable "content_zone_id" {
  description = "The DNS zone of the content host."
  type        = string
}

variable "certificate_arn" {
  description = "ACM certificate of the app's host, in this region."
  type        = string
}

variable "content_certificate_arn" {
  description = "ACM certificate of the content host, in this region."
  type        = string
}

variable "content_cdn_certificate_arn" {
  description = "ACM certificate of the content host, in us-east-1."
  type        = string
}

variable "logs_bucket" {
  description = "The bucket of access logs."
  type        = string
}

variable "firewall_arns" {
  description = "The rules in front of each host: app (in this region), content (CloudFront's)."
  type        = object({ app = string, content = string })
}

variable "deletion_protection" {
  description = "Nobody deletes the load balancers before this is switched off."
  type        = bool
}
