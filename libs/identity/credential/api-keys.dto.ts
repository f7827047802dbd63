import { ArrayMaxSize, ArrayMinSize, IsArray, IsIn, IsInt, IsOptional, IsString, Max, Min } from 'class-validator';
import { CodePoints, NoControl } from '#libs/platform/validation/decorators';
import { DESCRIPTION_MOST, LONGEST_KEY_DAYS, NAME_MOST } from './credential.decider.js';
import { SCOPES_MOST } from './scope.js';

const PAGE_MAX = 200;

export class CreateApiKeyDto {
  @IsString() @CodePoints(1, NAME_MOST, { blank: false }) @NoControl()
  name!: string;

  @IsOptional() @IsString() @CodePoints(0, DESCRIPTION_MOST) @NoControl()
  description?: string;

  @IsArray() @ArrayMinSize(1) @ArrayMaxSize(SCOPES_MOST) @IsString({ each: true }) @CodePoints(1, 100, { each: true })
  scopes!: string[];

  /** whole days */
  @IsInt() @Min(1) @Max(LONGEST_KEY_DAYS)
  expires_in_days!: number;
}

export class VerifyApiKeyDto {
  @IsString() @CodePoints(1, 500)
  key!: string;

  @IsOptional() @IsArray() @ArrayMaxSize(SCOPES_MOST) @IsString({ each: true }) @CodePoints(1, 100, { each: true })
  scopes?: string[];
}

export class ListApiKeysQuery {
  /** only those of this account; administrators alone see others' */
  @IsOptional() @IsString() @CodePoints(1, 100)
  owner?: string;

  @IsOptional() @IsInt() @Min(1) @Max(PAGE_MAX)
  limit?: number;

  @IsOptional() @IsString() @CodePoints(1, 500)
  after?: string;
}

/** Why a credential ends, where somebody says so. */
export class RevokeDto {
  @IsOptional() @IsIn(['requested', 'compromised', 'replaced'])
  reason?: 'requested' | 'compromised' | 'replaced';
}
