// Generated from the rules by scripts/generate.mjs; do not edit.
export default {
  "comms": {
    "clock": "时钟异常",
    "jamming": "疑似干扰",
    "late-batch": "补传数据",
    "no-fix": "无定位",
    "second-connection": "锁号重复连接",
    "sequence-gap": "报文缺失",
    "silent": "关锁失联"
  },
  "gate": {
    "alarm-provisional": "报警待确认",
    "ambiguous": "匹配到多个行程",
    "clock": "卡口时钟不准",
    "container": "箱号不符",
    "container-doubtful": "箱号识别存疑",
    "container-missing": "未读到箱号",
    "hold": "布控",
    "inherited": "锁或箱有未处置报警",
    "interval-unconfirmed": "在途间隔未确认",
    "lock": "关锁不符",
    "lock-missing": "未读到关锁",
    "lock-unregistered": "关锁未登记",
    "no-release": "无放行信息",
    "no-trip": "无匹配行程",
    "not-under-way": "行程不在途",
    "other-office": "非本行程之关",
    "plate": "车牌不符",
    "plate-doubtful": "车牌识别存疑",
    "plate-missing": "未读到车牌",
    "seal-check": "施封检查未通过",
    "takeover": "途中接管",
    "trip-amber": "行程风险为中",
    "trip-flagged": "行程有未处置报警",
    "weight": "重量不符",
    "weight-missing": "未称重",
    "written-off": "行程已核销"
  },
  "motion": {
    "impossible": "位置跳变"
  },
  "pair": {
    "separation": "双锁分离"
  },
  "power": {
    "deep-sleep": "深度休眠",
    "low": "电量低",
    "very-low": "电量极低"
  },
  "route": {
    "deviation": "偏离路线",
    "opposite-direction": "逆向行驶",
    "required-point-missed": "漏经必经点",
    "restricted-area": "进入禁区",
    "wrong-destination": "目的地不符"
  },
  "seal": {
    "case-opened": "锁壳打开",
    "identity-mismatch": "锁身份不符",
    "long-unlocked": "长时间未施封",
    "motor-stuck": "锁电机卡死",
    "not-intact": "施封状态异常",
    "opened-in-transit": "在途开锁",
    "reclosed": "途中重新施封",
    "rope-cut": "锁绳剪断",
    "stale": "施封状态已过时",
    "unauthorised-card": "非法刷卡",
    "unknown": "无施封状态",
    "unlock-refused": "开锁被拒",
    "unlocked-outside-place": "指定场所外开锁",
    "unsealed-before-verification": "未验封先开锁",
    "wrong-password": "密码错误"
  },
  "time": {
    "overdue": "运输超时",
    "unaccounted": "时间去向不明",
    "unapproved-stop": "违规停车"
  }
};
