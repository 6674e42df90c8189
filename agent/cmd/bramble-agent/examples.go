package main

// settingsInHelp returns the settings that the help of a command shows. The rest are accepted, too.
func settingsInHelp(command string) (settings []string, brief bool) {
	switch command {
	case "devices":
		return []string{"host"}, true
	case "join":
		return []string{"camera", "tls-ca", "tls-fingerprint", "subject-root", "host"}, true
	}
	return nil, false
}

// examples are shown in the help of commands.
func examples() map[string]string {
	return map[string]string{
		"join": "  sudo bramble-agent join tls://hub:4222 --camera porch\n" +
			"  bramble-agent join nats://hub:4222 --token-file token --config agent.yaml",
		"health":  "  bramble-agent health --config /etc/bramble/agent.yaml",
		"devices": "  bramble-agent devices\n  bramble-agent devices > agent.yaml",
	}
}
