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
}

variable "content_host" {
  description = "The host of what users uploaded."
  type        = string
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

variable "requests_per_address" {
  description = "Requests of one address in five minutes before it is blocked for a while."
  type        = number
}

variable "deletion_protection" {
  description = "Nobody deletes the load balancers before this is switched off."
  type        = bool
}
