//go:build !linux

package magic

import "os"

func unread(*os.File) int { return 0 }
