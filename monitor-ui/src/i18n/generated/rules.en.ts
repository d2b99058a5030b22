// Generated from the rules by scripts/generate.mjs; do not edit.
export default {
  "comms": {
    "clock": "Lock clock wrong",
    "jamming": "Jamming suspected",
    "late-batch": "Late records",
    "no-fix": "No position fix",
    "second-connection": "Lock id connected twice",
    "sequence-gap": "Records missing",
    "silent": "Lock silent"
  },
  "gate": {
    "alarm-provisional": "Alarm not confirmed",
    "ambiguous": "Several trips match",
    "clock": "Gate clock wrong",
    "container": "Container mismatch",
    "container-doubtful": "Container in doubt",
    "container-missing": "Container not read",
    "hold": "On hold",
    "inherited": "Alarm of the same box or lock",
    "interval-unconfirmed": "Interval not confirmed",
    "lock": "Lock mismatch",
    "lock-missing": "Lock not read",
    "lock-unregistered": "Lock not registered",
    "no-release": "Not released",
    "no-trip": "No trip matches",
    "not-under-way": "Not under way",
    "other-office": "Gate of another office",
    "plate": "Plate mismatch",
    "plate-doubtful": "Plate in doubt",
    "plate-missing": "Plate not read",
    "seal-check": "Sealing check failed",
    "takeover": "Taken over under way",
    "trip-amber": "Risk amber",
    "trip-flagged": "Trip has alarms",
    "weight": "Weight mismatch",
    "weight-missing": "Not weighed",
    "written-off": "Already written off"
  },
  "motion": {
    "impossible": "Impossible motion"
  },
  "pair": {
    "separation": "Locks apart"
  },
  "power": {
    "deep-sleep": "Deep sleep",
    "low": "Battery low",
    "very-low": "Battery very low"
  },
  "route": {
    "deviation": "Off the route",
    "opposite-direction": "Driving back",
    "required-point-missed": "Required point missed",
    "restricted-area": "In a restricted area",
    "wrong-destination": "Wrong destination"
  },
  "seal": {
    "case-opened": "Lock case opened",
    "identity-mismatch": "Lock identity mismatch",
    "long-unlocked": "Unlocked for long",
    "motor-stuck": "Lock motor stuck",
    "not-intact": "Seal not intact",
    "opened-in-transit": "Lock opened in transit",
    "reclosed": "Closed again in transit",
    "rope-cut": "Rope cut",
    "stale": "Seal state is old",
    "unauthorised-card": "Unauthorised card",
    "unknown": "No seal state",
    "unlock-refused": "Unlock refused",
    "unlocked-outside-place": "Unlocked outside its place",
    "unsealed-before-verification": "Unsealed before verification",
    "wrong-password": "Wrong password"
  },
  "time": {
    "overdue": "Overdue",
    "unaccounted": "Time unaccounted for",
    "unapproved-stop": "Unapproved stop"
  }
};
