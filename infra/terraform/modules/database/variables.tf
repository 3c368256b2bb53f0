variable "name" {
  description = "Begins the names of everything."
  type        = string
}

variable "partition" {
  description = "The partition in ARNs: aws, aws-cn, aws-us-gov."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets without a way out."
  type        = list(string)
}

variable "group_id" {
  description = "The database's security group."
  type        = string
}

variable "key_arn" {
  description = "The key that encrypts the database and its password."
  type        = string
}

variable "instance_class" {
  description = "Size of the instance."
  type        = string
}

variable "multi_az" {
  description = "A second instance in another zone takes over by itself."
  type        = bool
}

variable "storage_gib" {
  description = "Disk at the start, in GiB; it grows to four times as much."
  type        = number

  validation {
    condition     = var.storage_gib >= 20
    error_message = "storage_gib must be 20 or more."
  }
}

variable "backup_days" {
  description = "Any moment of so many days can be restored."
  type        = number

  validation {
    condition     = var.backup_days >= 1 && var.backup_days <= 35
    error_message = "backup_days must be 1 to 35: without backups a fault of ours is for ever."
  }
}

variable "deletion_protection" {
  description = "Nobody deletes the database before this is switched off; a last snapshot is kept."
  type        = bool
}
