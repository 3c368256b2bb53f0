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

variable "account_id" {
  description = "The account, twelve digits."
  type        = string
}

variable "bucket_prefix" {
  description = "Put before the bucket names incoming, quarantine and clean."
  type        = string
}

variable "files_key_arn" {
  description = "The key that encrypts objects."
  type        = string
}

variable "parts_key_arn" {
  description = "The key that encrypts secrets."
  type        = string
}

variable "repository_arns" {
  description = "Repositories of images that tasks are started from."
  type        = list(string)
  default     = []
}

variable "start_secret_arns" {
  description = "The secrets that each process is started with."
  type        = map(list(string))
  default     = {}
}

variable "own_secret_arns" {
  description = "The secrets that each process reads by itself, because they change while it runs."
  type        = map(list(string))
  default     = {}
}

variable "permissions_boundary" {
  description = "ARN of a policy that bounds every role, where the organisation has one."
  type        = string
  default     = null
}
