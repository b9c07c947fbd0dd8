"""Every finding as a sentence for people, in the same groups as the checks that find them."""
