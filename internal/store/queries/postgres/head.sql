SELECT revision, epoch FROM head
