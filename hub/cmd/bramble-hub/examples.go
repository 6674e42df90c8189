package main

import "strings"

// settingsInHelp returns the settings that the help of a command shows. The rest are accepted, too.
func settingsInHelp(command string) (settings []string, brief bool) {
	name, _, _ := strings.Cut(command, " ")
	switch name {
	case "serve", "demo", "check", "doctor":
		return nil, false
	case "health":
		return []string{"http", "tls-cert"}, true
	case "setup":
		return []string{"credentials", "http", "nats"}, true
	case "cert":
		return []string{"credentials", "tls-cert", "tls-key"}, true
	case "audit":
		return []string{"credentials", "audit-log"}, true
	}
	return []string{"credentials", "credentials-kv"}, true
}

// examples are shown in the help of commands.
func examples() map[string]string {
	return map[string]string{ //nolint:gosec // these commands hold no secrets
		"setup":  "  sudo bramble-hub setup anna\n  sudo bramble-hub setup --tls",
		"health": "  bramble-hub health --config /etc/bramble/hub.yaml",
		"user add": "  bramble-hub user add anna --role operator --cameras 'porch=operator,lab-*,@greenhouse'\n" +
			"  echo \"$PASSWORD\" | bramble-hub user add anna --password-stdin",
		"user list":          "  bramble-hub user list",
		"user set":           "  bramble-hub user set anna --no-enabled\n  bramble-hub user set anna --cameras 'lab-*'",
		"user passwd":        "  bramble-hub user passwd anna",
		"user remove":        "  bramble-hub user remove anna",
		"mapping add":        "  bramble-hub mapping add group:lab-staff --role operator --cameras 'lab-*'",
		"mapping list":       "  bramble-hub mapping list --json",
		"mapping set":        "  bramble-hub mapping set group:lab-staff --cameras 'lab-*,porch'",
		"mapping remove":     "  bramble-hub mapping remove group:lab-staff",
		"group add":          "  bramble-hub group add greenhouse bench-1 'tomato-*'",
		"group list":         "  bramble-hub group list --json",
		"group set":          "  bramble-hub group set greenhouse bench-1 bench-2",
		"group remove":       "  bramble-hub group remove greenhouse",
		"token add":          "  bramble-hub token add anna backup --expires 720h",
		"token list":         "  bramble-hub token list",
		"token remove":       "  bramble-hub token remove ID",
		"credentials push":   "  bramble-hub credentials push --credentials-kv HUBS --replicas 3",
		"credentials pull":   "  bramble-hub credentials pull --credentials-kv HUBS",
		"credentials status": "  bramble-hub credentials status --credentials-kv HUBS",
		"link":               "  bramble-hub link porch --expires 24h\n  bramble-hub link porch --format jpeg,mjpeg",
		"agent add":          "  bramble-hub agent add porch\n  bramble-hub agent add pi1 --cameras porch,garden",
		"agent list":         "  bramble-hub agent list",
		"agent remove":       "  bramble-hub agent remove porch",
		"cert":               "  bramble-hub cert --name hub.example.org\n  bramble-hub cert --new-key",
		"consumer add":       "  bramble-hub consumer add detector --cameras 'lab-*'",
		"consumer list":      "  bramble-hub consumer list",
		"consumer remove":    "  bramble-hub consumer remove detector",
	}
}
