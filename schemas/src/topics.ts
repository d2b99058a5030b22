/** MQTT topics (contract §2). */
export const reportTopic = (lockId: string) => `locks/${lockId}/report`;
export const commandTopic = (lockId: string) => `locks/${lockId}/command`;
export const replyTopic = (lockId: string) => `locks/${lockId}/reply`;
