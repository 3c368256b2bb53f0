# Machines of our own under ECS, where Fargate's kernel is not enough (see the README on the parser cell).

data "aws_ssm_parameter" "image" {
  count = local.fargate ? 0 : 1

  name = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
}

resource "aws_iam_role" "machine" {
  count = local.fargate ? 0 : 1

  name = "${var.name}-machine"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "machine" {
  count = local.fargate ? 0 : 1

  role       = aws_iam_role.machine[0].name
  policy_arn = "arn:${var.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "machine" {
  count = local.fargate ? 0 : 1

  name = "${var.name}-machine"
  role = aws_iam_role.machine[0].name
}

resource "aws_launch_template" "machine" {
  count = local.fargate ? 0 : 1

  name          = var.name
  image_id      = data.aws_ssm_parameter.image[0].value
  instance_type = var.machine.type

  iam_instance_profile {
    arn = aws_iam_instance_profile.machine[0].arn
  }

  # A task reaches its own role and not the machine's.
  metadata_options {
    http_tokens                 = "required"
    http_endpoint               = "enabled"
    http_put_response_hop_limit = 1
  }

  network_interfaces {
    associate_public_ip_address = false
    security_groups             = [var.group_ids["machine"]]
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      encrypted   = true
      volume_type = "gp3"
      volume_size = var.machine.disk_gib
    }
  }

  user_data = base64encode(<<-EOT
    #!/bin/sh
    printf 'ECS_CLUSTER=%s\nECS_AWSVPC_BLOCK_IMDS=true\n' '${var.name}' >>/etc/ecs/ecs.config
  EOT
  )
}

resource "aws_autoscaling_group" "machine" {
  count = local.fargate ? 0 : 1

  name                  = var.name
  min_size              = 0
  max_size              = var.machine.most
  vpc_zone_identifier   = var.subnet_ids
  protect_from_scale_in = true

  launch_template {
    id      = aws_launch_template.machine[0].id
    version = aws_launch_template.machine[0].latest_version
  }

  tag {
    key                 = "AmazonECSManaged"
    value               = "true"
    propagate_at_launch = true
  }

  tag {
    key                 = "Name"
    value               = var.name
    propagate_at_launch = true
  }

  lifecycle {
    ignore_changes = [desired_capacity] # the capacity provider's
  }
}

resource "aws_ecs_capacity_provider" "ec2" {
  count = local.fargate ? 0 : 1

  name = var.name

  auto_scaling_group_provider {
    auto_scaling_group_arn         = aws_autoscaling_group.machine[0].arn
    managed_termination_protection = "ENABLED"

    managed_scaling {
      status          = "ENABLED"
      target_capacity = 90
    }
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  count = local.fargate ? 0 : 1

  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = [aws_ecs_capacity_provider.ec2[0].name]
}
